/* SPDX-License-Identifier: MIT */
/* close_stdout.c - closes its output and lives on. */
#include "child.h"

int main(void)
{
	close(STDOUT_FILENO);
	child_hang();
}
