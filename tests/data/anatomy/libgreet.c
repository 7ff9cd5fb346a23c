#include <stdio.h>
#include <stdlib.h>

static char *name;

__attribute__((constructor)) static void greet_init(void)
{
	name = malloc(8);
	puts("hello init");
}

__attribute__((destructor)) static void greet_exit(void)
{
	free(name);
	puts("hello exit");
}

int greet(const char *whom)
{
	return printf("hello, %s\n", whom);
}
