/* Each work item is in memory of its own, which its function frees: the kernel does not touch it afterwards. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

struct job {
	struct work_struct work;
	int number;
};

struct late_job {
	struct delayed_work work;
	int number;
};

static struct workqueue_struct *queue;

static void do_job(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	pr_info("job %d\n", job->number);
	kfree(job);
}

static void do_late_job(struct work_struct *work)
{
	struct late_job *job = container_of(to_delayed_work(work), struct late_job, work);

	pr_info("late job %d\n", job->number);
	kfree(job);
}

static int __init jobs_init(void)
{
	struct late_job *late;
	struct job *job;

	queue = alloc_workqueue("jobs", 0, 0);
	if (!queue)
		return -ENOMEM;
	job = kmalloc(sizeof(*job), GFP_KERNEL);
	late = kmalloc(sizeof(*late), GFP_KERNEL);
	if (!job || !late) {
		kfree(late);
		kfree(job);
		destroy_workqueue(queue);
		return -ENOMEM;
	}
	INIT_WORK(&job->work, do_job);
	job->number = 1;
	queue_work(queue, &job->work);
	INIT_DELAYED_WORK(&late->work, do_late_job);
	late->number = 2;
	queue_delayed_work(queue, &late->work, 1);
	return 0;
}

static void __exit jobs_exit(void)
{
	msleep(20);
	destroy_workqueue(queue);
}

module_init(jobs_init);
module_exit(jobs_exit);
MODULE_LICENSE("GPL");
