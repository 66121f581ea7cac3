# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the batch scripts, first of all, so that no signal comes before the traps.

# The last signal that this script got, and whether one of them said that the time is up
# (--signal=B:USR1@...).
signalled=
time_is_up=0
trap 'signalled=USR1; time_is_up=1' USR1
trap 'signalled=TERM' TERM

# Slurm runs a copy of the script that is stored elsewhere.
cd "$SLURM_SUBMIT_DIR"
switchyard=${SWITCHYARD:-build/switchyard}

# One rank per task, with as many threads as the task has cores. srun is told --cpus-per-task again, which
# it no longer inherits from sbatch since Slurm 22.05. A failing rank ends the step through MPI_Abort.
# Slurm's own --kill-on-bad-exit stays off, because the ranks exit with 75 one after another and it would
# kill the later ones. A rank that dies without a word, before MPI has started or alone on its node, ends
# the step by --wait, in as many seconds. SWITCHYARD_LAUNCHER=mpirun is for an Open MPI that srun cannot
# start.
launcher=${SWITCHYARD_LAUNCHER:-srun}
if [[ $launcher == mpirun ]]; then
  step=(mpirun --bind-to none -x OMP_NUM_THREADS)
else
  step=(srun --mpi=pmix --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0 --wait=60)
fi
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# A signal that comes before mpirun or the program is ready for it must not end it. It is sent again. Rank 0
# under mpirun, which starts it on this node, says in a file that it is there.
started=$(mktemp)
trap 'rm -f "$started"' EXIT
deaf=(bash -c 'trap "" USR1 TERM; [[ ${OMPI_COMM_WORLD_RANK:-} != 0 ]] || echo started >"$0"; exec "$@"' "$started")
step=("${deaf[@]}" "${step[@]}" "${deaf[@]}")

fail() {
  echo "$(basename "${BASH_SOURCE[1]}"): $*" >&2
  exit 2
}

[[ -x $switchyard ]] || fail "there is no program at $switchyard; build it, or set SWITCHYARD=PATH"

# resolve CONFIGURATION...: sets `resolved` to the resolved configuration, which reports any error in it.
resolve() {
  resolved=$("$switchyard" config "$@" --ranks "$SLURM_NTASKS") || exit 2
}

# value KEY: the value of the first line of `resolved` with this key. Text with spaces or special
# characters is quoted there.
value() {
  awk -v key="$1:" '$1 == key { sub(/^[^:]*: */, ""); print; exit }' <<<"$resolved" |
    sed -E '/^".*"$/ { s/^"|"$//g; s/\\(.)/\1/g }'
}

# pass_signal PID: passes the signal that this script got to the tasks of the step started as PID. srun's
# get it by scancel, since srun itself may end by it or not be ready yet. mpirun forwards USR1 to its ranks,
# but ends them on TERM before they have a checkpoint, and itself on any signal before its daemons are up.
# So it gets none before rank 0 has started, or two minutes have passed, should that be on another node.
pass_signal() {
  if [[ $launcher == mpirun ]]; then
    while [[ ! -s $started ]] && ((SECONDS < 120)) && kill -0 "$1" 2>/dev/null; do sleep 0.5; done
    kill -USR1 "$1"
  else
    scancel --quiet --signal="$signalled" "$SLURM_JOB_ID"
  fi
}

# run_step COMMAND...: runs the step and sets `status` to its exit code. The step runs in the background
# because bash delays traps while a foreground command runs. A signal is passed on every two seconds until
# the step ends, since a task may not be ready for it. The loop never only waits: bash would sleep through
# a signal that comes just before.
run_step() {
  local pid
  "${step[@]}" "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    if [[ -n $signalled ]]; then pass_signal "$pid" || true; fi
    sleep 2 &
    wait -n "$pid" $! || true
  done
  status=0
  wait "$pid" || status=$?
}

# Whether Slurm takes the nodes for a more important job. It requeues this one by itself, but not if it ends
# within the partition's GraceTime, as it should.
is_preempted() {
  [[ $(scontrol show job "$SLURM_JOB_ID" 2>/dev/null) == *" PreemptTime="[0-9]* ]]
}

# Prints why this job is to be requeued. Fails if it is not: a cancelled job must not come back. At a
# preemption Slurm itself signals the daemons of mpirun, which then ends the ranks and fails.
reason_to_requeue() {
  if ((status == 75 && time_is_up)); then
    echo "stopped with a checkpoint"
  elif ((status == 75)) && is_preempted; then
    echo "preempted, and stopped with a checkpoint"
  elif [[ $launcher == mpirun ]] && ((status != 0)) && is_preempted; then
    echo "preempted, and ended by mpirun"
  elif ((status == 138 && time_is_up)); then
    echo "signalled before the program could note it" # USR1 killed it: it is where it started
  else
    return 1
  fi
}

# Requeues this job if there is a reason to, and otherwise exits with the step's exit code.
requeue_or_exit() {
  local reason
  if reason=$(reason_to_requeue); then
    echo "$reason; requeueing job $SLURM_JOB_ID"
    scontrol requeue "$SLURM_JOB_ID" || fail "scontrol requeue failed; submit the job again to resume"
    exit 0
  fi
  if ((status == 75)); then echo "stopped with a checkpoint; submit the job again to resume"; fi
  exit "$status"
}
