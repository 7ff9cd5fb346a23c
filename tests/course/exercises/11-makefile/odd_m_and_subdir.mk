parts := drums fiddle
TEMPO = 120

obj-m := band.o
band-m := $(addsuffix .o, $(parts))
subdir-ccflags-y += -D TEMPO=$(TEMPO)
