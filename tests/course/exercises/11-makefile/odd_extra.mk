ifneq ($(KERNELRELEASE),)
    obj-m += band.o
    band-objs := drums.o \
        fiddle.o
    CFLAGS_REMOVE_drums.o += -Wnothing
    ccflags-m += -Wall
    KBUILD_CFLAGS += -DTEMPO=120
else
all:
	$(MAKE) -C /lib/modules/$(shell uname -r)/build M=$(CURDIR) modules
endif
