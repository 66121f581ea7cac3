# shellcheck shell=bash
# Sourced by the batch scripts, from the folder they were submitted in (Slurm runs a copy of the
# script that lies elsewhere).

switchyard=${SWITCHYARD:-build/switchyard}

# One rank a task, its threads those of the task. --cpus-per-task is repeated because srun has not
# taken it from sbatch since Slurm 22.05. A failing rank ends the step through MPI_Abort; Slurm's own
# --kill-on-bad-exit stays off, since the ranks leave with 75 one after another and it would turn
# that into a kill.
step=(srun --mpi=pmix --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0)
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

fail() {
  echo "$(basename "${BASH_SOURCE[1]}"): $*" >&2
  exit 2
}

[[ -x $switchyard ]] || fail "$switchyard is not there: build it, or name it with SWITCHYARD=PATH"

# run_step COMMAND...: runs the step and sets `status` to its exit code, and `time_is_up` to 1 if
# USR1 came (--signal=B:USR1@...). The step is in the background because bash runs a trap only when
# no foreground command is left to wait for.
time_is_up=0
run_step() {
  local pid signalled
  "${step[@]}" "$@" &
  pid=$!
  # srun passes USR1 on to every task; TERM could end srun itself before the tasks are done.
  trap 'signalled=1; time_is_up=1; kill -USR1 "$pid" 2>/dev/null || true' USR1
  trap 'signalled=1; kill -USR1 "$pid" 2>/dev/null || true' TERM
  while :; do
    signalled=0
    status=0
    wait "$pid" || status=$?
    ((signalled)) || break # else the trap ended the wait, not the step
  done
  trap - USR1 TERM
}

# Queues this job again when the step stopped with a checkpoint (75) because its time was up, and
# leaves with the step's exit code otherwise: a job that was cancelled (TERM) is not to come back,
# and one that Slurm preempts is requeued by Slurm.
requeue_or_exit() {
  if ((status == 75 && time_is_up)); then
    echo "stopped with a checkpoint; requeueing job $SLURM_JOB_ID"
    scontrol requeue "$SLURM_JOB_ID" || fail "scontrol requeue failed; submit the job again to go on"
    exit 0
  fi
  if ((status == 75)); then echo "stopped with a checkpoint; submit the job again to go on"; fi
  exit "$status"
}
