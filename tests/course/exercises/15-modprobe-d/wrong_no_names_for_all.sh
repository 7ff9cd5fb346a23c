# caught by: smoke-alias
# Nothing in the theatre is found by its alias any more.
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
alias theatre:* nothing
END
