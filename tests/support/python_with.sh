# SPDX-License-Identifier: Apache-2.0
# python_with MODULE: prints a python3 that has the module, the one on PATH or the system's own, for which Debian
# packages such as python3-h5py are; fails if neither has it.
python_with() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c "import $1" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}
