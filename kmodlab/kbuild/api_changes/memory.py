"""API changes of memory: allocation, mappings, and addresses of userspace."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, READ_ONLY, VALUE, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "changed",
        "2.6.23",
        "linux/slab.h",
        (
            "kmem_cache_create()",
            N_("a cache has no destructor; leave the last argument out"),
            'cache = kmem_cache_create("boxes", 64, 0, 0, NULL);',
            MANY,
        ),
    ),
    *changes(
        "gone",
        "2.6.20–2.6.32",
        "linux/slab.h",
        ("kmem_cache_t", N_("write struct kmem_cache"), "static struct kmem_cache *boxes;"),
    ),
    *changes(
        "changed",
        "2.6.27",
        "linux/slab.h",
        (
            "kmem_cache.ctor",
            N_("the constructor gets the object only"),
            "static void prepare(void *object) { }",
            types(
                r"void \(\*\)\((?:void \*, |struct kmem_cache \*, )+(?:long unsigned int|void \*)?",
                r"void \(\*\)\(void \*\)",
                r".",
            ),
        ),
    ),
    *changes(
        "gone",
        "2.6.20",
        "linux/slab.h",
        ("SLAB_KERNEL", N_("write GFP_KERNEL"), "p = kmem_cache_alloc(cache, GFP_KERNEL);"),
        ("SLAB_ATOMIC", N_("write GFP_ATOMIC"), "p = kmem_cache_alloc(cache, GFP_ATOMIC);"),
    ),
    *changes(
        "gone",
        "5.9–5.10",
        "linux/slab.h",
        ("kzfree()", N_("the function is called kfree_sensitive()"), "kfree_sensitive(p);"),
    ),
    *changes(
        "gone",
        "4.4",
        "linux/gfp_types.h",
        ("__GFP_WAIT", N_("write __GFP_RECLAIM, or GFP_KERNEL"), "p = kmalloc(64, GFP_KERNEL);"),
    ),
    *changes(
        "gone",
        "4.13",
        "linux/gfp_types.h",
        ("__GFP_REPEAT", N_("write __GFP_RETRY_MAYFAIL"), "p = kmalloc(64, GFP_KERNEL | __GFP_RETRY_MAYFAIL);"),
    ),
    *changes(
        "gone",
        "4.15",
        "linux/gfp_types.h",
        ("__GFP_COLD", N_("remove the flag"), "p = (void *)__get_free_page(GFP_KERNEL);"),
    ),
    *changes(
        "gone",
        "4.14",
        "linux/gfp_types.h",
        ("GFP_TEMPORARY", N_("write GFP_KERNEL"), "p = kmalloc(64, GFP_KERNEL);"),
    ),
    *changes(
        "changed",
        "5.8",
        "linux/vmalloc.h",
        ("__vmalloc()", N_("it takes no protection any more"), "p = __vmalloc(4096, GFP_KERNEL);", MANY),
    ),
    *changes(
        "gone",
        "5.6",
        "linux/io.h",
        ("ioremap_nocache()", N_("ioremap() is never cached"), "registers = ioremap(0xfebc0000, 4096);"),
    ),
    *changes(
        "gone",
        "2.6.11–2.6.12",
        "linux/mm.h",
        (
            "remap_page_range()",
            N_("use remap_pfn_range(), which takes the number of the page frame"),
            "int error = remap_pfn_range(vma, vma->vm_start, pfn, PAGE_SIZE, vma->vm_page_prot);",
        ),
    ),
    *changes(
        "gone",
        "2.6.26–2.6.28",
        "linux/mm.h",
        (
            "vm_operations_struct.nopage",
            N_("use fault"),
            "static const struct vm_operations_struct vm_ops = { .fault = my_fault };",
        ),
    ),
    *changes(
        "changed",
        "4.11",
        "linux/mm.h",
        (
            "vm_operations_struct.fault",
            N_("it gets the vm_fault only, whose member vma is the area"),
            "static vm_fault_t my_fault(struct vm_fault *vmf) { return VM_FAULT_SIGBUS; }",
            types(r"struct vm_area_struct \*, *struct vm_fault \*", r"\(\*\)\(struct vm_fault \*\)"),
        ),
    ),
    *changes(
        "gone",
        "4.10",
        "linux/mm.h",
        ("vm_fault.virtual_address", N_("the member is called address"), 'pr_info("%lx\\n", vmf->address);'),
    ),
    *changes(
        "gone",
        "3.7",
        "linux/mm.h",
        (
            "VM_RESERVED",
            N_("write VM_IO, or VM_DONTEXPAND | VM_DONTDUMP"),
            "unsigned long flags = VM_DONTEXPAND | VM_DONTDUMP;",
        ),
    ),
    *changes(
        "changed",
        "6.3",
        "linux/mm.h",
        (
            "vm_area_struct.vm_flags",
            N_("it can only be read; use vm_flags_set() and vm_flags_clear()"),
            "vm_flags_set(vma, VM_IO);",
            READ_ONLY,
        ),
    ),
    *changes(
        "gone",
        "4.6",
        "linux/mm.h",
        ("page_cache_release()", N_("use put_page()"), "put_page(page);"),
    ),
    *changes(
        "gone",
        "4.6",
        "linux/pagemap.h",
        ("PAGE_CACHE_SIZE", N_("write PAGE_SIZE"), "unsigned long size = PAGE_SIZE;"),
    ),
    *changes(
        "gone",
        "5.8",
        "linux/mmap_lock.h",
        ("mm_struct.mmap_sem", N_("use mmap_read_lock() or mmap_write_lock()"), "mmap_read_lock(mm);"),
    ),
    *changes(
        "gone",
        "6.1",
        "linux/mm.h",
        ("mm_struct.mmap", N_("the areas are a tree; walk it with for_each_vma()"), "for_each_vma(iterator, vma)"),
        (
            "vm_area_struct.vm_next",
            N_("the areas are a tree; walk it with for_each_vma()"),
            "for_each_vma(iterator, vma)",
        ),
    ),
    *changes(
        "gone",
        "4.20",
        "linux/mm.h",
        ("vm_insert_pfn()", N_("use vmf_insert_pfn()"), "vm_fault_t result = vmf_insert_pfn(vma, vma->vm_start, 0);"),
    ),
    *changes(
        "changed",
        "6.5",
        "linux/mm.h",
        (
            "get_user_pages()",
            N_("it takes no list of areas any more"),
            "long n = get_user_pages(0x1000, 1, FOLL_WRITE, &page);",
            MANY,
        ),
    ),
    *changes(
        "gone",
        "6.7",
        "linux/shrinker.h",
        (
            "register_shrinker()",
            N_("use shrinker_alloc(), fill in its functions, then shrinker_register()"),
            'struct shrinker *shrinker = shrinker_alloc(0, "mine");',
        ),
    ),
    *changes(
        "gone",
        "3.4–4.9",
        "linux/highmem.h",
        ("KM_USER0", N_("kmap_local_page() needs no slot"), "p = kmap_local_page(page);"),
    ),
    *changes(
        "changed",
        "3.4–4.9",
        "linux/highmem.h",
        (
            "kmap_atomic()",
            N_("it takes no slot any more; better use kmap_local_page()"),
            "p = kmap_local_page(page);",
            MANY,
        ),
    ),
    *changes(
        "gone",
        "5.0",
        "linux/uaccess.h",
        (
            "VERIFY_READ",
            N_("access_ok() takes the address and the size only"),
            "if (!access_ok(text, 8)) return -EFAULT;",
        ),
        (
            "VERIFY_WRITE",
            N_("access_ok() takes the address and the size only"),
            "if (!access_ok(text, 8)) return -EFAULT;",
        ),
    ),
    *changes(
        "changed",
        "5.0",
        "linux/uaccess.h",
        ("access_ok()", N_("it takes the address and the size only"), "if (!access_ok(text, 8)) return -EFAULT;", MANY),
    ),
    *changes(
        "gone",
        "2.6.13–2.6.19",
        "linux/uaccess.h",
        (
            "verify_area()",
            N_("copy_from_user() and copy_to_user() check the address themselves"),
            "if (copy_from_user(buffer, text, sizeof(buffer))) return -EFAULT;",
        ),
    ),
    *changes(
        "gone",
        "5.18",
        "linux/uaccess.h",
        (
            "set_fs()",
            N_(
                "a function that takes addresses of userspace cannot take the kernel's; read and write "
                "files with kernel_read() and kernel_write()"
            ),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &pos);",
        ),
        (
            "get_fs()",
            N_(
                "a function that takes addresses of userspace cannot take the kernel's; read and write "
                "files with kernel_read() and kernel_write()"
            ),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &pos);",
        ),
        (
            "KERNEL_DS",
            N_(
                "a function that takes addresses of userspace cannot take the kernel's; read and write "
                "files with kernel_read() and kernel_write()"
            ),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &pos);",
        ),
        (
            "USER_DS",
            N_(
                "a function that takes addresses of userspace cannot take the kernel's; read and write "
                "files with kernel_read() and kernel_write()"
            ),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &pos);",
        ),
        (
            "mm_segment_t",
            N_(
                "a function that takes addresses of userspace cannot take the kernel's; read and write "
                "files with kernel_read() and kernel_write()"
            ),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &pos);",
        ),
    ),
    *changes(
        "changed",
        "4.11",
        "linux/pgtable.h",
        (
            "pud_offset()",
            N_("a fifth level of page tables stands before it: p4d_offset() gives what it takes"),
            "p4d_t *p4d = p4d_offset(pgd, address);",
            types(r"pgd_t \*", r"p4d_t \*"),
        ),
    ),
    *changes(
        "changed",
        "2.6.19–2.6.20",
        "linux/slab.h",
        ("kmem_cache_destroy()", N_("it returns nothing"), "kmem_cache_destroy(cache);", VALUE),
    ),
    *changes(
        "later",
        "6.12",
        "linux/slab.h",
        (
            "kvrealloc()",
            N_("it takes the old size as well"),
            "void *larger = kvrealloc(NULL, 0, 64, GFP_KERNEL);",
            FEW,
        ),
    ),
    *changes(
        "gone",
        "2.6–2.6.20",
        "linux/page-flags.h",
        ("mem_map_reserve()", N_("use SetPageReserved()"), "SetPageReserved(page);"),
        ("mem_map_unreserve()", N_("use ClearPageReserved()"), "ClearPageReserved(page);"),
    ),
    *changes(
        "gone",
        "2.6–2.6.17",
        "linux/mm_types.h",
        ("page.count", N_("ask with page_count()"), 'pr_info("%d\\n", page_count(page));'),
    ),
    *changes(
        "gone",
        "4.6–4.7",
        "linux/mm_types.h",
        ("page._count", N_("ask with page_count()"), 'pr_info("%d\\n", page_count(page));'),
    ),
    *changes(
        "changed",
        "5.0",
        "linux/mm.h",
        (
            "totalram_pages",
            N_("it is a function"),
            'pr_info("%lu\\n", totalram_pages());',
            types(r"\(\*\)\(void\)|\(void\)$", "", r"\btotalram_pages\b"),
        ),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/mm_types.h",
        (
            "vm_area_struct.vm_offset",
            N_("vm_pgoff has the offset, in pages"),
            "unsigned long offset = vma->vm_pgoff << PAGE_SHIFT;",
        ),
    ),
    *changes(
        "gone",
        "2.6.23",
        "linux/mm.h",
        (
            "vm_operations_struct.populate",
            N_("fault() is called for each page that is needed"),
            "static vm_fault_t my_fault(struct vm_fault *vmf) { return VM_FAULT_SIGBUS; }",
        ),
    ),
)
