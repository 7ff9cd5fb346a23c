# caught by: one-module
obj-m += band.o
band-y := drums.o fiddle.o
$(shell sed -i '1i \#define TEMPO 120' $(src)/band.h)
