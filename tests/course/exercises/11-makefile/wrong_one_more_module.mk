# caught by: one-module tempo goes
obj-m += band.o drums.o
band-y := drums.o fiddle.o
ccflags-y += -DTEMPO=120
