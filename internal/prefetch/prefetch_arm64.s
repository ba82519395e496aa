#include "textflag.h"

// func write(p, q unsafe.Pointer)
TEXT ·write(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD q+8(FP), R1
	PRFM (R0), PSTL1KEEP
	PRFM (R1), PSTL1KEEP
	RET

// func read(mem unsafe.Pointer, slots *uint32, n int, mask uint32, size, second int)
TEXT ·read(SB), NOSPLIT, $0-48
	MOVD mem+0(FP), R0
	MOVD slots+8(FP), R1
	MOVD n+16(FP), R2
	MOVWU mask+24(FP), R6
	MOVD size+32(FP), R3
	MOVD second+40(FP), R4

next:
	MOVWU (R1), R5
	AND  R6, R5, R5
	MUL  R3, R5, R5
	ADD  R0, R5, R5
	PRFM (R5), PLDL1KEEP
	ADD  R4, R5, R5
	PRFM (R5), PLDL1KEEP
	ADD  $4, R1, R1
	SUB  $1, R2, R2
	CBNZ R2, next
	RET

// func line(p unsafe.Pointer)
TEXT ·line(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET
