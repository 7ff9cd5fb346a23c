	.section .modinfo, "a"
	.asciz "name=lines"
	.section .note.GNU-stack, ""
