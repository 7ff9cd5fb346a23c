# caught by: others
mkdir -p "/lib/modules/$(uname -r)/extra"
cp lantern.ko "/lib/modules/$(uname -r)/extra/"
cd "/lib/modules/$(uname -r)"
depmod "$(uname -r)" "$PWD/extra/lantern.ko" "$PWD/$(find kernel -name dummy.ko)"
