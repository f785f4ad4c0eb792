#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The same with every object of python's from malloc, and not from pools of its own: a block for some 100 ns of work.
PYTHONMALLOC=malloc exec bash "$(dirname "$0")/python3.sh"
