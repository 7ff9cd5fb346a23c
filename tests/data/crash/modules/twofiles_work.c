// The other file.
int twofiles_work(int *where);

int twofiles_work(int *where)
{
	return *(volatile int *)where; /* here */
}
