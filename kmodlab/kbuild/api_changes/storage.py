"""API changes of block devices."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "5.0",
        "linux/blk-mq.h",
        (
            "blk_init_queue()",
            N_("disks get their requests from blk-mq: a struct blk_mq_ops with queue_rq, and a tag set"),
            "int error = blk_mq_alloc_tag_set(&tags);",
        ),
        (
            "blk_fetch_request()",
            N_("disks get their requests from blk-mq: a struct blk_mq_ops with queue_rq, and a tag set"),
            "int error = blk_mq_alloc_tag_set(&tags);",
        ),
        (
            "blk_peek_request()",
            N_("disks get their requests from blk-mq: a struct blk_mq_ops with queue_rq, and a tag set"),
            "int error = blk_mq_alloc_tag_set(&tags);",
        ),
        (
            "__blk_end_request_all()",
            N_("disks get their requests from blk-mq: a struct blk_mq_ops with queue_rq, and a tag set"),
            "int error = blk_mq_alloc_tag_set(&tags);",
        ),
        (
            "__blk_end_request()",
            N_("disks get their requests from blk-mq: a struct blk_mq_ops with queue_rq, and a tag set"),
            "int error = blk_mq_alloc_tag_set(&tags);",
        ),
    ),
    *changes(
        "gone",
        "6.0",
        "linux/blkdev.h",
        ("blk_cleanup_queue()", N_("put_disk() releases the queue as well"), "put_disk(disk);"),
        ("blk_cleanup_disk()", N_("use put_disk()"), "put_disk(disk);"),
    ),
    *changes(
        "gone",
        "5.15",
        "linux/blkdev.h",
        (
            "alloc_disk()",
            N_("blk_mq_alloc_disk() and blk_alloc_disk() make disk and queue together; delete with put_disk()"),
            "put_disk(disk);",
        ),
    ),
    *changes(
        "gone",
        "5.9",
        "linux/blkdev.h",
        (
            "blk_queue_make_request()",
            N_("the function is submit_bio in the disk's operations"),
            "static const struct block_device_operations my_ops = { .submit_bio = my_submit };",
        ),
    ),
    *changes(
        "gone",
        "2.6.31",
        "linux/blk-mq.h",
        (
            "blk_queue_hardsect_size()",
            N_("the size of a block is in the limits of the queue"),
            "unsigned int size = queue_logical_block_size(queue);",
        ),
        ("end_request()", N_("use blk_mq_end_request()"), "blk_mq_end_request(request, BLK_STS_OK);"),
        ("elv_next_request()", N_("blk-mq calls queue_rq with each request"), "blk_mq_start_request(request);"),
        ("request.sector", N_("ask with blk_rq_pos()"), "sector_t sector = blk_rq_pos(request);"),
    ),
    *changes(
        "gone",
        "6.11",
        "linux/blkdev.h",
        (
            "blk_queue_logical_block_size()",
            N_("put it into a struct queue_limits, before the disk is made"),
            "struct queue_limits limits = { .logical_block_size = 512 };",
        ),
    ),
    *changes(
        "gone",
        "3.14",
        "linux/blk_types.h",
        ("bio.bi_sector", N_("it is in bi_iter"), "sector_t sector = bio->bi_iter.bi_sector;"),
        ("bio.bi_size", N_("it is in bi_iter"), "unsigned int size = bio->bi_iter.bi_size;"),
    ),
    *changes(
        "gone",
        "4.8",
        "linux/blk_types.h",
        (
            "bio.bi_rw",
            N_("the member is called bi_opf; ask with bio_op() or bio_data_dir()"),
            'if (bio_data_dir(bio) == WRITE) pr_info("write\\n");',
        ),
    ),
    *changes(
        "gone",
        "4.13",
        "linux/blk_types.h",
        ("bio.bi_error", N_("the member is called bi_status"), "bio->bi_status = BLK_STS_IOERR;"),
    ),
    *changes(
        "changed",
        "4.3",
        "linux/bio.h",
        ("bio_endio()", N_("it takes the bio only; the error is its member bi_status"), "bio_endio(bio);", MANY),
    ),
    *changes(
        "changed",
        "5.18",
        "linux/bio.h",
        (
            "bio_alloc()",
            N_("it takes the device and the operation as well"),
            "bio = bio_alloc(device, 1, REQ_OP_READ, GFP_KERNEL);",
            FEW,
        ),
    ),
    *changes(
        "changed",
        "4.8",
        "linux/bio.h",
        ("submit_bio()", N_("the operation is a part of the bio"), "submit_bio(bio);", MANY),
    ),
    *changes(
        "changed",
        "6.5",
        "linux/blkdev.h",
        (
            "block_device_operations.open",
            N_("it gets the disk and a blk_mode_t"),
            "static int my_open(struct gendisk *d, blk_mode_t mode) { return 0; }",
            types(r"struct (?:block_device|inode) \*, *(?:fmode_t|unsigned int|struct file \*)", r"struct gendisk \*"),
        ),
        (
            "block_device_operations.release",
            N_("it gets the disk only"),
            "static void my_release(struct gendisk *d) { }",
            types(r"struct gendisk \*, *(?:fmode_t|unsigned int)", r"\(\*\)\(struct gendisk \*\)"),
        ),
    ),
    *changes(
        "gone",
        "5.9–5.10",
        "linux/blkdev.h",
        (
            "block_device_operations.media_changed",
            N_("use check_events"),
            "static const struct block_device_operations my_ops = { .check_events = my_events };",
        ),
    ),
    *changes(
        "gone",
        "5.11–6.1",
        "linux/blkdev.h",
        (
            "block_device_operations.revalidate_disk",
            N_("remove it; call set_capacity_and_notify() when the size changes"),
            "set_capacity_and_notify(disk, 2048);",
        ),
    ),
    *changes(
        "gone",
        "3.16",
        "linux/blk-mq.h",
        (
            "request.buffer",
            N_("walk the request's segments with rq_for_each_segment()"),
            "rq_for_each_segment(part, request, iterator)",
        ),
    ),
    *changes(
        "gone",
        "4.11",
        "linux/blk-mq.h",
        (
            "request.cmd_type",
            N_("ask with blk_rq_is_passthrough()"),
            "if (blk_rq_is_passthrough(request)) return -EIO;",
        ),
        ("REQ_TYPE_FS", N_("ask with blk_rq_is_passthrough()"), "if (blk_rq_is_passthrough(request)) return -EIO;"),
    ),
    *changes(
        "gone",
        "4.12",
        "linux/blk-mq.h",
        (
            "request.errors",
            N_("pass the status to blk_mq_end_request()"),
            "blk_mq_end_request(request, BLK_STS_IOERR);",
        ),
    ),
    *changes(
        "changed",
        "6.9",
        "linux/blkdev.h",
        (
            "blk_alloc_disk()",
            N_("it takes the limits of the queue as well; it returns an error pointer"),
            "disk = blk_alloc_disk(NULL, NUMA_NO_NODE);",
            FEW,
        ),
    ),
    *changes(
        "changed",
        "6.9",
        "linux/blk-mq.h",
        (
            "blk_mq_alloc_disk()",
            N_("it takes the limits of the queue as well"),
            "disk = blk_mq_alloc_disk(&tags, NULL, NULL);",
            FEW,
        ),
    ),
    *changes(
        "gone",
        "6.9",
        "linux/blk-mq.h",
        ("blk_mq_init_queue()", N_("use blk_mq_alloc_queue()"), "queue = blk_mq_alloc_queue(&tags, NULL, NULL);"),
    ),
    *changes(
        "gone",
        "6.7–6.9",
        "linux/blkdev.h",
        (
            "blkdev_get_by_path()",
            N_("use bdev_file_open_by_path()"),
            'struct file *file = bdev_file_open_by_path("/dev/vda", BLK_OPEN_READ, NULL, NULL);',
        ),
    ),
    *changes(
        "gone",
        "5.17–6.1",
        "linux/blkdev.h",
        ("GENHD_FL_EXT_DEVT", N_("remove the flag"), "disk->flags = GENHD_FL_NO_PART;"),
    ),
    *changes(
        "gone",
        "2.6.36–2.6.37",
        "linux/blkdev.h",
        (
            "block_device_operations.locked_ioctl",
            N_("use ioctl, which takes locks of its own"),
            "static const struct block_device_operations my_operations = { .ioctl = my_ioctl };",
        ),
    ),
    *changes(
        "gone",
        "2.6.28",
        "linux/blkdev.h",
        ("gendisk.capacity", N_("set it with set_capacity(), in sectors of 512 bytes"), "set_capacity(disk, 2048);"),
    ),
    *changes(
        "gone",
        "4.8",
        "linux/blkdev.h",
        (
            "gendisk.driverfs_dev",
            N_("device_add_disk() takes the parent"),
            "int error = device_add_disk(parent, disk, NULL);",
        ),
    ),
    *changes(
        "gone",
        "2.6.31",
        "linux/blk-mq.h",
        ("request.nr_sectors", N_("ask with blk_rq_sectors()"), 'pr_info("%u\\n", blk_rq_sectors(request));'),
        (
            "request.current_nr_sectors",
            N_("ask with blk_rq_cur_sectors()"),
            'pr_info("%u\\n", blk_rq_cur_sectors(request));',
        ),
    ),
    *changes(
        "gone",
        "2.6.36",
        "linux/blk-mq.h",
        (
            "blk_fs_request()",
            N_("blk_rq_is_passthrough() tells which requests are not for data"),
            "if (blk_rq_is_passthrough(request)) return -EIO;",
        ),
    ),
    *changes(
        "gone",
        "3.14",
        "linux/blk_types.h",
        ("bio.bi_idx", N_("it is in bi_iter"), 'pr_info("%u\\n", bio->bi_iter.bi_idx);'),
    ),
    *changes(
        "gone",
        "6.0",
        "linux/blkdev.h",
        ("bdevname()", N_("printk() writes the name of a block_device with %pg"), 'pr_info("%pg\\n", device);'),
    ),
    *changes(
        "gone",
        "4.9–5.4",
        "linux/bio.h",
        (
            "__bio_kmap_atomic()",
            N_("bvec_kmap_local() maps the part that bio_for_each_segment() gives"),
            "char *part = bvec_kmap_local(&bvec);",
        ),
        ("__bio_kunmap_atomic()", N_("kunmap_local() ends what bvec_kmap_local() maps"), "kunmap_local(part);"),
    ),
    *changes(
        "changed",
        "3.14",
        "linux/bio.h",
        (
            "bio_for_each_segment()",
            N_("the position is a struct bvec_iter, and a part a struct bio_vec, no pointer"),
            'bio_for_each_segment(part, bio, position) pr_info("%u\\n", part.bv_len);',
            types(r"struct bvec_iter", r"^int\b", r"\bbio_for_each_segment\b"),
        ),
    ),
    *changes(
        "changed",
        "3.14",
        "linux/blk-mq.h",
        (
            "rq_for_each_segment()",
            N_("a part is a struct bio_vec, no pointer"),
            'rq_for_each_segment(part, request, position) pr_info("%u\\n", part.bv_len);',
            types(r"^struct bio_vec (?!\*)", r"^struct bio_vec \*", r"\brq_for_each_segment\b"),
        ),
    ),
)
