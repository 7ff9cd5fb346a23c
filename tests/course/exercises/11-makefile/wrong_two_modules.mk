# caught by: one-module
obj-m += drums.o fiddle.o
ccflags-y += -DTEMPO=120
