# As Makefiles for out-of-tree modules often look.
ifneq ($(KERNELRELEASE),)
obj-m := band.o
band-y := drums.o fiddle.o
TEMPO := 120
ccflags-y := -DTEMPO=$(TEMPO)
else
all:
	$(MAKE) -C /lib/modules/$(shell uname -r)/build M=$(CURDIR) modules
endif
