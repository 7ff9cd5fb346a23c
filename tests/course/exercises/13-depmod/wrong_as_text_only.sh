# caught by: found
# Only the text of the databases is changed, not what modprobe reads.
cd "/lib/modules/$(uname -r)"
mkdir -p extra
cp /root/lantern.ko extra/
echo "extra/lantern.ko:" >>modules.dep
echo "alias lamp lantern" >>modules.alias
