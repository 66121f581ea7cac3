# SPDX-License-Identifier: Apache-2.0
"""For race.py: ways to run PyTorch on a CPU. `race.py --settings` times them. BEST names the fastest on the machine of
docs/performance.md, which the race uses by default."""

# Environment variables for the allocator and the threads; none of them changes a result.
KEEP_HEAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "9223372036854775807", "MALLOC_TOP_PAD_": "67108864"}
HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}
JEMALLOC = {"LD_PRELOAD": "libjemalloc.so.2"}  # if it is not installed, set $LD_LIBRARY_PATH to its directory
TCMALLOC = {"LD_PRELOAD": "libtcmalloc_minimal.so.4"}
BOUND = {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"}

SETTINGS = {
    "float32": {},
    "float32 transformers-adafactor": {"optimizer": "transformers-adafactor"},
    "float32 transformers-adafactor heap huge": {"optimizer": "transformers-adafactor", "env": KEEP_HEAP | HUGE_PAGES},
    "float32 foreach": {"optimizer": "torch-adafactor-foreach"},
    "float32 adamw-fused": {"optimizer": "adamw-fused"},
    "float32 no update": {"optimizer": "none"},
    "float32 compile": {"compile": True},
    "float32 bound": {"env": BOUND},
    "float32 heap": {"env": KEEP_HEAP},
    "float32 huge": {"env": HUGE_PAGES},
    "float32 heap huge": {"env": KEEP_HEAP | HUGE_PAGES},
    "float32 jemalloc": {"env": JEMALLOC},
    "float32 tcmalloc": {"env": TCMALLOC},
    "float32 tcmalloc huge": {"env": TCMALLOC | HUGE_PAGES},
    "float32 mkl-avx512": {"env": {"MKL_ENABLE_INSTRUCTIONS": "AVX512"}},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16 transformers-adafactor": {"precision": "bfloat16", "optimizer": "transformers-adafactor"},
    "bfloat16 transformers-adafactor heap huge": {"precision": "bfloat16", "optimizer": "transformers-adafactor",
                                                  "env": KEEP_HEAP | HUGE_PAGES},
    "bfloat16 heap": {"precision": "bfloat16", "env": KEEP_HEAP},
    "bfloat16 heap huge": {"precision": "bfloat16", "env": KEEP_HEAP | HUGE_PAGES},
    "bfloat16 tcmalloc": {"precision": "bfloat16", "env": TCMALLOC},
    "bfloat16 compile": {"precision": "bfloat16", "compile": True},
    "bfloat16 weights": {"precision": "bfloat16-weights"},
    "bfloat16 weights heap": {"precision": "bfloat16-weights", "env": KEEP_HEAP},
    "bfloat16 matmul": {"matmul_precision": "medium"},
}

BEST = {"float32": "float32 transformers-adafactor heap huge", "bfloat16": "bfloat16 transformers-adafactor"}


def settings_of(name, threads):
    """(settings for torch_steps.py, environment variables)."""
    chosen = {"precision": "float32", "optimizer": "torch-adafactor", "threads": threads, **SETTINGS[name]}
    return chosen, chosen.pop("env", {})
