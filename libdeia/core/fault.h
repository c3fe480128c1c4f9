/* SPDX-License-Identifier: MIT */
/*
 * fault.h - places where a test ends the process as if it had been killed.
 *
 * Only the program deiad-faulty of tests/crash is compiled with
 * DEIA_FAULT_POINTS, and what acts is there, too. Everywhere else, and in all
 * that is installed, these are nothing.
 */
#ifndef DEIA_CORE_FAULT_H
#define DEIA_CORE_FAULT_H

#ifdef DEIA_FAULT_POINTS
/* Ends the process here, when the test named this point and this pass. */
void deia__fault(const char *point);
/* The same a little later, in the middle of what follows. */
void deia__fault_soon(const char *point);
#define DEIA__FAULT(point) deia__fault(point)
#define DEIA__FAULT_SOON(point) deia__fault_soon(point)
#else
#define DEIA__FAULT(point) ((void)0)
#define DEIA__FAULT_SOON(point) ((void)0)
#endif

#endif
