# SPDX-License-Identifier: Apache-2.0
"""What is compared: random models of every kind, and a padded batch for each."""

from dataclasses import dataclass

T5 = "T5"
SWITCH = "SwitchTransformers"


@dataclass(frozen=True)
class Case:
    name: str
    says: str  # what is special about it
    family: str
    config: dict  # over COMMON and, for SWITCH, ROUTING
    input_lengths: tuple = (11, 7, 4)  # of each sequence, without the padding
    label_lengths: tuple = (5, 9, 7)
    kept: bool = False  # in data/, for the test without Python
    seed: int = 1


COMMON = dict(
    vocab_size=97,
    d_model=16,
    d_kv=4,
    num_heads=4,
    d_ff=24,
    num_layers=2,
    num_decoder_layers=2,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=10,
    dropout_rate=0.0,
    use_cache=False,
    pad_token_id=0,
    eos_token_id=1,
    decoder_start_token_id=0,
)
ROUTING = dict(
    num_experts=4,
    num_sparse_encoder_layers=1,
    num_sparse_decoder_layers=1,
    expert_capacity=64,
    router_jitter_noise=0.0,
    router_z_loss_coef=0.1,
    router_aux_loss_coef=0.3,
)
BASE = dict(
    vocab_size=32128,
    d_model=768,
    d_kv=64,
    num_heads=12,
    d_ff=3072,
    num_layers=12,
    num_decoder_layers=12,
    relative_attention_num_buckets=32,
    relative_attention_max_distance=128,
)
BASE_LENGTHS = dict(input_lengths=(24, 17), label_lengths=(9, 12))

CASES = [
    Case("t5-tiny", "relu, tied embeddings", T5, {}, kept=True),
    Case(
        "t5-v1.1-tiny",
        "gated gelu, untied, inner width other than d_model, decoder deeper than encoder",
        T5,
        dict(
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            d_kv=6,
            num_decoder_layers=3,
        ),
        kept=True,
    ),
    Case(
        "switch-tiny",
        "tied, every second layer sparse, capacity of 2 tokens a sequence",
        SWITCH,
        dict(
            num_layers=4,
            num_decoder_layers=4,
            num_sparse_encoder_layers=2,
            num_sparse_decoder_layers=2,
            expert_capacity=2,
        ),
        kept=True,
    ),
    Case(
        "switch-untied-step-1",
        "untied, every layer sparse (transformers then has no router losses), inner width other than d_model",
        SWITCH,
        dict(
            tie_word_embeddings=False,
            d_kv=6,
            num_sparse_encoder_layers=2,
            num_sparse_decoder_layers=2,
            expert_capacity=3,
        ),
    ),
    Case(
        "switch-untied-step-2",
        "untied, gelu, every second layer sparse, inner width other than d_model",
        SWITCH,
        dict(
            tie_word_embeddings=False,
            d_kv=6,
            dense_act_fn="gelu_new",
            expert_capacity=3,
        ),
        kept=True,
    ),
    Case("t5-base-shaped", "sizes of T5-base, 223 M parameters", T5, BASE, **BASE_LENGTHS),
    Case(
        "switch-base-8-shaped",
        "sizes of switch-base-8, 619 M parameters; capacity of 4 tokens a sequence",
        SWITCH,
        BASE
        | dict(
            num_experts=8,
            num_sparse_encoder_layers=6,
            num_sparse_decoder_layers=6,
            expert_capacity=4,
            router_z_loss_coef=0.001,
            router_aux_loss_coef=0.001,
        ),
        **BASE_LENGTHS,
    ),
]


def config_of(case):
    routing = ROUTING if case.family == SWITCH else {}
    return COMMON | routing | case.config
