# As Makefiles for out-of-tree modules often look.
ifneq ($(KERNELRELEASE),)
obj-m := band.o
band-y := drums.o fiddle.o
ccflags-y := -DTEMPO=$(TEMPO)
TEMPO := 120
else
all:
	$(MAKE) -C /lib/modules/$(shell uname -r)/build M=$(CURDIR) modules
endif
