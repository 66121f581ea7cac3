# SPDX-License-Identifier: Apache-2.0
"""For gpu_peers.py: training steps of transformers' models in bfloat16."""
import gc

import torch
import torch_model
from torch_steps import make_optimizer


def step_of(run, precision, device):
    """A function that takes one step on a new batch: forward, backward, clipping, update."""
    torch.manual_seed(1)
    model = torch_model.build(run).to(device)
    if precision == "bfloat16 weights":
        model = model.to(torch.bfloat16)
    parameters, generator = list(model.parameters()), torch.Generator().manual_seed(1)
    optimizer = make_optimizer("adamw-fused" if device == "cuda" else "adamw-foreach", parameters)
    clip = run["optimizer"]["clip_norm"]
    batch = {name: ids.to(device) for name, ids in torch_model.random_batch(run, generator).items()}

    def step():
        with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "autocast"):
            loss = model(**batch).loss
        loss.backward()
        if clip > 0:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, torch_model.tokens_of(batch)


def fitting(run, precision, sequences, clock):
    """Seconds and tokens per second at `sequences`, or at as many as fit into memory, halved until they do."""
    while True:
        run["train"]["global_batch"] = sequences
        try:
            step, tokens = step_of(run, precision, clock.device)
            seconds = clock.seconds(step)
            return dict(sequences=sequences, seconds=seconds, tokens_per_second=tokens / seconds)
        except torch.cuda.OutOfMemoryError:
            if sequences == 1:
                raise
        sequences //= 2
        step = None
        gc.collect()
        torch.cuda.empty_cache()
