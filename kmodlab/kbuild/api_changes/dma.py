"""API changes of DMA."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, Change, changes

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "5.18",
        "linux/dma-mapping.h",
        (
            "pci_alloc_consistent()",
            N_("use dma_alloc_coherent() with the device in pci_dev"),
            "buffer = dma_alloc_coherent(&pdev->dev, 64, &address, GFP_KERNEL);",
        ),
        (
            "pci_free_consistent()",
            N_("use dma_free_coherent() with the device in pci_dev"),
            "dma_free_coherent(&pdev->dev, 64, buffer, address);",
        ),
        (
            "pci_map_single()",
            N_("use dma_map_single() with the device in pci_dev"),
            "address = dma_map_single(&pdev->dev, buffer, 64, DMA_TO_DEVICE);",
        ),
        (
            "pci_unmap_single()",
            N_("use dma_unmap_single() with the device in pci_dev"),
            "dma_unmap_single(&pdev->dev, address, 64, DMA_TO_DEVICE);",
        ),
        (
            "pci_set_dma_mask()",
            N_("use dma_set_mask() with the device in pci_dev"),
            "int error = dma_set_mask(&pdev->dev, DMA_BIT_MASK(32));",
        ),
        (
            "pci_set_consistent_dma_mask()",
            N_("use dma_set_coherent_mask() with the device in pci_dev"),
            "int error = dma_set_coherent_mask(&pdev->dev, DMA_BIT_MASK(32));",
        ),
    ),
    *changes(
        "gone",
        "5.18",
        "linux/dma-direction.h",
        (
            "PCI_DMA_TODEVICE",
            N_("write DMA_TO_DEVICE"),
            "address = dma_map_single(&pdev->dev, buffer, 64, DMA_TO_DEVICE);",
        ),
        (
            "PCI_DMA_FROMDEVICE",
            N_("write DMA_FROM_DEVICE"),
            "address = dma_map_single(&pdev->dev, buffer, 64, DMA_FROM_DEVICE);",
        ),
    ),
    *changes(
        "gone",
        "2.6.31–3.2",
        "linux/dma-mapping.h",
        ("DMA_32BIT_MASK", N_("write DMA_BIT_MASK(32)"), "int error = dma_set_mask(&pdev->dev, DMA_BIT_MASK(32));"),
        ("DMA_64BIT_MASK", N_("write DMA_BIT_MASK(64)"), "int error = dma_set_mask(&pdev->dev, DMA_BIT_MASK(64));"),
    ),
    *changes(
        "gone",
        "5.0–5.1",
        "linux/dma-mapping.h",
        (
            "dma_zalloc_coherent()",
            N_("dma_alloc_coherent() clears the memory"),
            "buffer = dma_alloc_coherent(&pdev->dev, 64, &address, GFP_KERNEL);",
        ),
    ),
    *changes(
        "changed",
        "2.6.27",
        "linux/dma-mapping.h",
        (
            "dma_mapping_error()",
            N_("it takes the device as well"),
            "if (dma_mapping_error(&pdev->dev, address)) return -EIO;",
            FEW,
        ),
    ),
    *changes(
        "gone",
        "5.18",
        "linux/dma-mapping.h",
        (
            "pci_map_sg()",
            N_("use dma_map_sg() with the device in pci_dev"),
            "int number = dma_map_sg(&pdev->dev, parts, 2, DMA_TO_DEVICE);",
        ),
        (
            "pci_unmap_sg()",
            N_("use dma_unmap_sg() with the device in pci_dev"),
            "dma_unmap_sg(&pdev->dev, parts, 2, DMA_TO_DEVICE);",
        ),
        (
            "pci_map_page()",
            N_("use dma_map_page() with the device in pci_dev"),
            "address = dma_map_page(&pdev->dev, page, 0, 64, DMA_TO_DEVICE);",
        ),
        (
            "pci_unmap_page()",
            N_("use dma_unmap_page() with the device in pci_dev"),
            "dma_unmap_page(&pdev->dev, address, 64, DMA_TO_DEVICE);",
        ),
        (
            "pci_dma_sync_single_for_cpu()",
            N_("use dma_sync_single_for_cpu() with the device in pci_dev"),
            "dma_sync_single_for_cpu(&pdev->dev, address, 64, DMA_FROM_DEVICE);",
        ),
        (
            "pci_dma_sync_single_for_device()",
            N_("use dma_sync_single_for_device() with the device in pci_dev"),
            "dma_sync_single_for_device(&pdev->dev, address, 64, DMA_TO_DEVICE);",
        ),
        (
            "pci_dma_mapping_error()",
            N_("use dma_mapping_error() with the device in pci_dev"),
            "if (dma_mapping_error(&pdev->dev, address)) return -EIO;",
        ),
        (
            "PCI_DMA_BIDIRECTIONAL",
            N_("write DMA_BIDIRECTIONAL"),
            "dma_unmap_single(&pdev->dev, address, 64, DMA_BIDIRECTIONAL);",
        ),
    ),
    *changes(
        "gone",
        "2.6.24",
        "linux/scatterlist.h",
        (
            "scatterlist.page",
            N_("set it with sg_set_page(), and ask for it with sg_page()"),
            "sg_set_page(&parts[0], page, 64, 0);",
        ),
    ),
)
