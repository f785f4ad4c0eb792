#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# docs/win32-conformance.md says what the headers have and the tests compare.
exec python3 "$ACRE_SOURCE/tests/win32/conformance.py"
