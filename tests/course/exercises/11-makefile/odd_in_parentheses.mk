# Flags for all folders, the other order, and the number as one writes it in a header.
tempo := 120
obj-m := band.o
band-$(CONFIG_PRINTK) := fiddle.o drums.o
subdir-ccflags-y := -DTEMPO='($(tempo))'
