# caught by: one-module
obj-m += band.o
obj-y := drums.o fiddle.o
ccflags-y += -DTEMPO=120
