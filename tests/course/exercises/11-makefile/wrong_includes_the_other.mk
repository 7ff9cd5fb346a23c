# caught by: one-module
obj-m += band.o
band-y := drums.o
ccflags-y += -DTEMPO=120
CFLAGS_drums.o := -include $(src)/fiddle.c
