# caught by: one-module
obj-m += band.o
band-y := drums.o fiddle.o
CFLAGS_drums.o := -DTEMPO=120
