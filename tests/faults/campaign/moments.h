// SPDX-License-Identifier: Apache-2.0
// The moments of a run at which a fault can be injected, counted in one process, and what happens
// at the one that the environment names:
//
//   FAULT_RANK=1             of this rank, or of "all"
//   FAULT_AT="commit 12"     its 12th moment of this kind
//   FAULT_DO="signal 9 self" what happens, see below; nothing if absent
//   FAULT_DELAY_US=300       so much later, on a thread of its own
//   FAULT_FOLDER=PATH        the run's folder
//   FAULT_MARK=PATH          is created when it happens, and holds the monotonic time and the pid
//   FAULT_LEDGER=PATH        gets a line "committed NAME" for each checkpoint that was renamed, and
//                            at the end of each process "RANK KIND COUNT" for each kind of moment
//
//   signal NUMBER self | launcher   sends a signal to this process or to its parent
//   error NUMBER [once]             this call and all later ones of the kind fail with this errno
//   pause                           waits until PATH.go exists
//   hang                            waits for ever
//   slow MILLISECONDS               this call and all later ones of the kind take so much longer
//   clock SECONDS                   the time of day leaps
//   nan                             the next numbers that are summed contain a NaN
#pragma once

namespace faults {

enum class Moment {
  load,        // the program is loaded; main() has not begun
  start,       // before and after MPI_Init_thread
  collective,  // a call of MPI that communicates
  save,        // a call of the file system on what a rank writes of a checkpoint
  commit,      // one on anything else in the folder of checkpoints
  text,        // a loader's thread opens a shard of text
  record,      // one on the other files of $FAULT_FOLDER, the run's: lock, configuration, events
  finish,      // before and after MPI_Finalize
};

// Whether the path lies in $FAULT_FOLDER.
bool in_folder(const char* path);

// Counts a moment. Returns the errno with which the call is to fail, or 0.
int reached(Moment moment);

// Seconds by which the time of day has leapt.
long clock_leap();

// Whether the caller must put a NaN into its numbers. True once.
bool take_nan();

// Writes a line to the ledger.
void note_commit(const char* committed);

}  // namespace faults
