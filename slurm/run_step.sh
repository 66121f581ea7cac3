# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the batch scripts from the directory they were submitted in. (Slurm runs a copy of the
# script that is stored elsewhere.)

switchyard=${SWITCHYARD:-build/switchyard}

# One rank per task, with as many threads as the task has cores. --cpus-per-task is repeated because
# srun no longer inherits it from sbatch since Slurm 22.05. A failing rank ends the step through
# MPI_Abort. Slurm's own --kill-on-bad-exit stays off, because the ranks exit with 75 one after another
# and it would kill the later ones.
step=(srun --mpi=pmix --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0)
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

fail() {
  echo "$(basename "${BASH_SOURCE[1]}"): $*" >&2
  exit 2
}

[[ -x $switchyard ]] || fail "there is no program at $switchyard; build it, or set SWITCHYARD=PATH"

# run_step COMMAND...: runs the step, and sets `status` to its exit code and `time_is_up` to 1 if USR1
# arrived (--signal=B:USR1@...). The step runs in the background because bash delays traps while a
# foreground command runs.
time_is_up=0
run_step() {
  local pid signalled
  "${step[@]}" "$@" &
  pid=$!
  # srun forwards USR1 to every task. TERM is not forwarded as such: it could end srun itself before the
  # tasks are done.
  trap 'signalled=1; time_is_up=1; kill -USR1 "$pid" 2>/dev/null || true' USR1
  trap 'signalled=1; kill -USR1 "$pid" 2>/dev/null || true' TERM
  while :; do
    signalled=0
    status=0
    wait "$pid" || status=$?
    ((signalled)) || break # otherwise a trap interrupted the wait, and the step still runs
  done
  trap - USR1 TERM
}

# Requeues this job if the step stopped with a checkpoint (75) because its time was up. Otherwise it
# exits with the step's exit code: a cancelled job (TERM) must not come back, and Slurm itself requeues
# a preempted one.
requeue_or_exit() {
  if ((status == 75 && time_is_up)); then
    echo "stopped with a checkpoint; requeueing job $SLURM_JOB_ID"
    scontrol requeue "$SLURM_JOB_ID" || fail "scontrol requeue failed; submit the job again to resume"
    exit 0
  fi
  if ((status == 75)); then echo "stopped with a checkpoint; submit the job again to resume"; fi
  exit "$status"
}
