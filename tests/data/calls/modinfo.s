	.section .modinfo, "a"
	.asciz "name=steps"
	.section .note.GNU-stack, ""
