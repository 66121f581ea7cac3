"""How PyTorch can be run on a CPU. `race.py --settings` times each of them; BEST names what was fastest where
docs/performance.md says it was measured, and is what the race uses unless it is told otherwise."""

# What the environment can do for the allocator and the threads; none of it changes a result.
KEEP_HEAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "9223372036854775807", "MALLOC_TOP_PAD_": "67108864"}
HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}
JEMALLOC = {"LD_PRELOAD": "libjemalloc.so.2"}  # $LD_LIBRARY_PATH says where, if it is not installed
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
    """(what torch_steps.py is told, environment variables)."""
    chosen = {"precision": "float32", "optimizer": "torch-adafactor", "threads": threads, **SETTINGS[name]}
    return chosen, chosen.pop("env", {})
