#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens that are dropped if each of a group chooses its expert at random: the least that a balanced router drops.

    drops.py [--capacity-factor F] [--min-capacity C]

The load of an expert is then binomial, n = tokens of the group, p = 1 / experts, and an expert drops what exceeds its
capacity, so the share is E[max(0, load - C)] experts / tokens, with C as in model.experts.capacity: factor.
"""

import argparse
import math

GROUPS = (512, 1824, 4096, 8192)
EXPERTS = (8, 16, 32, 64, 128, 256)


def capacity(tokens, experts, factor, least):
    return max(min(tokens, int(tokens * factor / experts)), least)


def binomial(n, k, p):
    logarithm = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(logarithm + k * math.log(p) + (n - k) * math.log1p(-p))


def dropped_share(tokens, experts, factor, least):
    room = capacity(tokens, experts, factor, least)
    over = ((load - room) * binomial(tokens, load, 1 / experts) for load in range(room + 1, tokens + 1))
    return math.fsum(over) * experts / tokens


def table(factor, least):
    text = ["| tokens of a group | " + " | ".join(f"{experts} experts" for experts in EXPERTS) + " |"]
    text.append("|---" * (len(EXPERTS) + 1) + "|")
    for tokens in GROUPS:
        shares = [f"{100 * dropped_share(tokens, experts, factor, least):.2f} %" for experts in EXPERTS]
        text.append(f"| {tokens} | " + " | ".join(shares) + " |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="drops.py", description=__doc__.split("\n")[0])
    parser.add_argument("--capacity-factor", type=float, default=1.25)
    parser.add_argument("--min-capacity", type=int, default=4)
    options = parser.parse_args()
    text = table(options.capacity_factor, options.min_capacity)
    print(text, end="")


if __name__ == "__main__":
    main()
