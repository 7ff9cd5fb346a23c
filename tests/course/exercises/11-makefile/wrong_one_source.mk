# caught by: one-module
obj-m += band.o
band-y := drums.o
ccflags-y += -DTEMPO=120
