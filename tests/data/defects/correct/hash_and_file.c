#include <linux/module.h>
#include <crypto/hash.h>
#include <linux/fs.h>

static struct crypto_shash *hash;

static int __init probe_init(void)
{
	struct file *file;
	char text[16];
	loff_t offset = 0;

	hash = crypto_alloc_shash("md5", 0, 0);
	if (IS_ERR(hash))
		return PTR_ERR(hash);
	file = filp_open("/proc/version", O_RDONLY, 0);
	if (!IS_ERR(file)) {
		kernel_read(file, text, sizeof(text), &offset);
		filp_close(file, NULL);
	}
	return 0; /* on purpose: it does without the file */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	crypto_free_shash(hash);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
