# SPDX-License-Identifier: Apache-2.0
"""torch_steps.py: reads {"run": resolved configuration, "settings": {...}, "steps": N} from stdin, takes N + 2
training steps of Hugging Face's corresponding model in one process, as a user's script would, and prints one JSON
object. The first two steps are not timed, just as Switchyard's bench does not time its own warm-up."""
import json
import os
import sys
import time

WARM_UP = 2


def process_age():
    """Seconds since this process was started, by the kernel's clock, which Switchyard's bench reads as well."""
    with open("/proc/self/stat", encoding="ascii") as stat:
        started = int(stat.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def peak_resident():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def check_preloaded():
    """The loader only warns of a library that it does not find, and the figures would be those without it."""
    wanted = os.environ.get("LD_PRELOAD", "")
    with open("/proc/self/maps", encoding="utf-8") as maps:
        if wanted not in maps.read():
            sys.exit(f"{wanted} is not installed; install it or choose another setting")


def make_optimizer(name, parameters):
    import torch
    if name == "transformers-adafactor":
        from transformers.optimization import Adafactor
        return Adafactor(parameters, lr=0.01, relative_step=False, warmup_init=False)
    if name == "torch-adafactor":
        return torch.optim.Adafactor(parameters, lr=0.01)
    if name == "torch-adafactor-foreach":
        return torch.optim.Adafactor(parameters, lr=0.01, foreach=True)
    if name == "adamw-fused":
        return torch.optim.AdamW(parameters, lr=1e-4, fused=True)
    if name == "adamw-foreach":
        return torch.optim.AdamW(parameters, lr=1e-4, foreach=True)
    if name == "none":
        return None
    raise ValueError(f"unknown optimizer {name}")


class Trainer:
    def __init__(self, run, settings):
        import torch
        import torch_model
        torch.manual_seed(run["run"]["seed"])
        torch.set_num_threads(settings["threads"])
        if settings.get("matmul_precision"):
            torch.set_float32_matmul_precision(settings["matmul_precision"])
        self.torch, self.run, self.model_of = torch, run, torch_model
        self.precision = settings["precision"]  # float32 | bfloat16 (autocast) | bfloat16-weights
        model = torch_model.build(run)
        self.model = model.to(torch.bfloat16) if self.precision == "bfloat16-weights" else model
        self.parameters = list(self.model.parameters())
        self.optimizer = make_optimizer(settings["optimizer"], self.parameters)
        self.forward = torch.compile(self.model) if settings.get("compile") else self.model
        self.generator = torch.Generator().manual_seed(1)

    def step(self):
        """Forward, backward, clipping and update on a new batch. Returns (seconds, processor seconds, tokens, loss)."""
        torch = self.torch
        batch = self.model_of.random_batch(self.run, self.generator)
        start, processor_start = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
            loss = self.forward(**batch).loss
        loss.backward()
        if self.run["optimizer"]["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.run["optimizer"]["clip_norm"])
        if self.optimizer:
            self.optimizer.step()
        self.model.zero_grad(set_to_none=True)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor_start
        return seconds, processor, self.model_of.tokens_of(batch), loss.item()


def profile(trainer):
    """{operator: its share of the self time of one step}, largest first."""
    from torch.profiler import ProfilerActivity
    with trainer.torch.profiler.profile(activities=[ProfilerActivity.CPU]) as watch:
        trainer.step()
    spent = {event.key: event.self_cpu_time_total for event in watch.key_averages()}
    whole = sum(spent.values())
    return {name: round(time_ / whole, 4) for name, time_ in sorted(spent.items(), key=lambda item: -item[1])[:16]}


def main():
    check_preloaded()
    job = json.load(sys.stdin)
    trainer = Trainer(job["run"], job["settings"])
    trainer.step()
    first_step = process_age()
    for _ in range(WARM_UP - 1):
        trainer.step()
    steps = [trainer.step() for _ in range(job["steps"])]
    result = dict(first_step_seconds=first_step, step_seconds=[step[0] for step in steps],
                  processor_seconds=[step[1] for step in steps], tokens=steps[-1][2], loss=steps[-1][3], peak_resident=peak_resident(),
                  parameters=sum(p.numel() for p in trainer.parameters), torch=trainer.torch.__version__)
    if job.get("profile"):
        result["profile"] = profile(trainer)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
