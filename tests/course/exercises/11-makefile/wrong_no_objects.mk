# caught by: one-module
obj-m += band.o
ccflags-y += -DTEMPO=120
