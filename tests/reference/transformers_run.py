# SPDX-License-Identifier: Apache-2.0
"""The transformers side: a random model, a batch, and one forward and backward in float32 or float64."""

from contextlib import ExitStack
from unittest import mock

import numpy as np
import torch
import transformers

import cases


def _class_of(case, what):
    return getattr(transformers, case.family + what)


def make_model(case):
    """A model with values that let everything matter: norms are not ones, routers are undecided, the
    relative bias is as large as the scores."""
    torch.manual_seed(case.seed)
    config = _class_of(case, "Config")(**cases.config_of(case))
    model = _class_of(case, "ForConditionalGeneration")(config)
    narrow = config.d_model**-0.5
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim == 1:
                value.uniform_(0.5, 1.5)
            elif "relative_attention_bias" in name:
                value.normal_(0.0, 0.5)
            elif "router.classifier" in name or name == "lm_head.weight":
                value.normal_(0.0, 2 * narrow)
    return model.train()


def loading_faults(case, folder):
    """What from_pretrained finds missing or left over in a folder that Switchyard wrote."""
    load = _class_of(case, "ForConditionalGeneration").from_pretrained
    _, found = load(folder, output_loading_info=True)
    return [f"{kind}: {names}" for kind, names in found.items() if names]


def make_batch(case):
    """Ids, padded at the end; labels end with the end of sequence and are -100 on padding."""
    random = np.random.default_rng(case.seed)
    vocabulary = cases.config_of(case)["vocab_size"]

    def rows(lengths, pad):
        ids = np.full((len(lengths), max(lengths)), pad, dtype=np.int32)
        for row, length in zip(ids, lengths):
            row[: length - 1] = random.integers(2, vocabulary, length - 1)
            row[length - 1] = 1
        return ids

    labels = rows(case.label_lengths, -100)
    shifted = np.zeros_like(labels)
    shifted[:, 1:] = np.where(labels == -100, 0, labels)[:, :-1]
    return {
        "input_ids": rows(case.input_lengths, 0),
        "decoder_input_ids": shifted,
        "labels": labels,
        "input_lengths": np.array(case.input_lengths, dtype=np.int32),
        "label_lengths": np.array(case.label_lengths, dtype=np.int32),
    }


def _mask(lengths, width):
    return torch.arange(width)[None, :] < torch.from_numpy(lengths)[:, None]


def _arguments(batch):
    ids = {
        name: torch.from_numpy(batch[name]).long()
        for name in ("input_ids", "decoder_input_ids", "labels")
    }
    return ids | {
        "attention_mask": _mask(batch["input_lengths"], ids["input_ids"].shape[1]),
        "decoder_attention_mask": _mask(batch["label_lengths"], ids["labels"].shape[1]),
    }


def _routers(model):
    return [m for m in model.modules() if type(m).__name__.endswith("Top1Router")]


def _in_float64(model, stack):
    """transformers computes norms, softmax and router losses in float32 by name, whatever the model's
    type; here the names mean float64."""
    model.double()
    for router in _routers(model):
        router.dtype = torch.float64
    stack.enter_context(mock.patch.object(torch, "float32", torch.float64))
    stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))


def count_dropped(model, batch):
    """Tokens without a place in their expert, of all that the sparse layers route."""
    kept = []
    hooks = [
        router.register_forward_hook(lambda _, __, out: kept.append(out[0].sum(-1)))
        for router in _routers(model)
    ]
    with torch.no_grad():
        model(**_arguments(batch))
    for hook in hooks:
        hook.remove()
    return sum(int((k == 0).sum()) for k in kept), sum(k.numel() for k in kept)


def _kept(value):
    return value.detach().float().numpy()


def _take_gradient(parameter):
    """Leaves none behind, so that two copies of a large model's gradients are never held."""
    gradient, parameter.grad = parameter.grad, None
    return _kept(torch.zeros_like(parameter) if gradient is None else gradient)


def run(model, batch, router_losses, wide=False):
    """Outputs and gradients by name, in float32, as sy_parity writes them. `wide`: computed in float64,
    and the model stays so."""
    options = {"output_router_logits": router_losses} if hasattr(model.config, "num_experts") else {}
    with ExitStack() as stack:
        if wide:
            _in_float64(model, stack)
        result = model(**_arguments(batch), **options)
        result.loss.backward()
    targets = torch.from_numpy(batch["labels"]).long().flatten()
    entropy = torch.nn.functional.cross_entropy(result.logits.flatten(0, 1), targets)
    outputs = {"logits": result.logits, "loss": result.loss, "cross_entropy": entropy}
    if router_losses:
        outputs["balance_loss"] = torch.as_tensor(result.encoder_aux_loss + result.decoder_aux_loss)
        outputs["z_loss"] = torch.as_tensor(result.encoder_z_loss + result.decoder_z_loss)
    outputs = {name: np.atleast_1d(_kept(value)) for name, value in outputs.items()}
    return outputs, {name: _take_gradient(value) for name, value in model.named_parameters()}
