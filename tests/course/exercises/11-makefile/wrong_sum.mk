# caught by: tempo
obj-m += band.o
band-y := drums.o fiddle.o
ccflags-y += -DTEMPO=60+60
