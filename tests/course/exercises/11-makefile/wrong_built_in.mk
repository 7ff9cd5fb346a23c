# caught by: one-module
obj-y += band.o
band-y := drums.o fiddle.o
ccflags-y += -DTEMPO=120
