# caught by: smoke-alias
# This name leads nowhere, others still lead to smoke.
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
alias theatre:effect nothing
END
