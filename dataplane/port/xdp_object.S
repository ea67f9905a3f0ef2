/* SPDX-License-Identifier: Apache-2.0
   The object that clang made of xdp_filter.bpf.c. */
#include "xdp_path.h"

	.section .rodata
	.global xdp_object_start
	.global xdp_object_end
	.balign 8
xdp_object_start:
	.incbin XDP_OBJECT
xdp_object_end:
	.section .note.GNU-stack, "", @progbits
