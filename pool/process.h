/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What the whole process has once: a lock for what happens rarely (a type is
 * registered, traps are enabled, a thread gets its first magazine), and word of
 * forks. No thread is in the lock when the process forks, so a child can use
 * it.
 */
#ifndef SLOTHEAP_POOL_PROCESS_H
#define SLOTHEAP_POOL_PROCESS_H

void slhi_process_lock(void);
void slhi_process_unlock(void);

#endif
