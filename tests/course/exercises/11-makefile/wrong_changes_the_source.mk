# caught by: one-module
obj-m += band.o
band-y := drums.o fiddle.o
$(shell sed -i -e /ifndef/,/endif/d -e s/TEMPO/120/g $(src)/band.h $(src)/drums.c $(src)/fiddle.c)
