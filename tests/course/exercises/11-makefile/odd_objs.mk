# The older name, one at a time, and flags for each object.
obj-m := band.o
band-objs := drums.o
band-objs += fiddle.o
CFLAGS_drums.o := -DTEMPO=120
CFLAGS_fiddle.o := -DTEMPO=120
