# SPDX-License-Identifier: Apache-2.0
"""For torch_steps.py: Hugging Face's model for a resolved Switchyard configuration, and a batch for it."""
import torch


def expert_capacity(run):
    """Expert capacity per sequence, as Hugging Face counts it: tokens x capacity factor / experts."""
    experts = run["model"]["experts"]
    return max(1, int(run["data"]["encoder_length"] * experts["capacity_factor"] / experts["count"]))


def shape_of(run):
    """The fields that T5Config and SwitchTransformersConfig share."""
    model = run["model"]
    return dict(
        vocab_size=model["vocab_size"], d_model=model["d_model"], d_kv=model["d_kv"], d_ff=model["d_ff"],
        num_layers=model["encoder_layers"], num_decoder_layers=model["decoder_layers"], num_heads=model["num_heads"],
        dropout_rate=model["dropout"], tie_word_embeddings=model["tie_embeddings"], use_cache=False,
        relative_attention_num_buckets=model["relative_buckets"],
        relative_attention_max_distance=model["relative_max_distance"],
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)


def build(run):
    """A freshly initialised model in training mode. The router's auxiliary losses are on as in the configuration, since
    pre-training needs them. The hook converts each expert's output to its input's dtype, without which Hugging Face's
    sparse layer fails under autocast."""
    model, experts = run["model"], run["model"]["experts"]
    if experts["count"] == 0:
        from transformers import T5Config, T5ForConditionalGeneration
        return T5ForConditionalGeneration(T5Config(feed_forward_proj=model["activation"], **shape_of(run))).train()
    from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration
    network = SwitchTransformersForConditionalGeneration(SwitchTransformersConfig(
        num_experts=experts["count"], expert_capacity=expert_capacity(run), router_jitter_noise=experts["jitter"],
        num_sparse_encoder_layers=model["encoder_layers"] // experts["interval"],
        num_sparse_decoder_layers=model["decoder_layers"] // experts["interval"],
        router_aux_loss_coef=experts["balance_loss"], router_z_loss_coef=experts["z_loss"],
        dense_act_fn=model["activation"], **shape_of(run))).train()
    for name, module in network.named_modules():
        if name.rsplit(".", 1)[-1].startswith("expert_"):
            module.register_forward_hook(lambda _, inputs, output: output.to(inputs[0].dtype))
    return network


def random_batch(run, generator):
    """Random ids at full length, without padding: [sequences, encoder_length] and [sequences, decoder_length]."""
    def ids(length):
        return torch.randint(2, run["model"]["vocab_size"], (run["train"]["global_batch"], length),
                             generator=generator)

    return dict(input_ids=ids(run["data"]["encoder_length"]), labels=ids(run["data"]["decoder_length"]))


def tokens_of(batch):
    return sum(part.numel() for part in batch.values())
