// Choose the largest letters with which each slide fits the screen, start reveal.js, and add keys.
(() => {
    "use strict";
    const WIDTH = 1920, HEIGHT = 1080;
    // Code is 27 pixels high at size 1, and 21 at .78: a fiftieth of the height, the least that the back row can read.
    const SIZES = [1, .94, .88, .83, .78];
    const PICTURE_SCALE = 1.9; // letters in our pictures are 13 pixels
    const ARRANGEMENTS = [Infinity, 3, 0]; // outputs below their code; beside longer code; beside all code
    const slides = [...document.querySelectorAll(".reveal .slides > section > section")];

    // ---- fitting ----
    const pictures = slide => [...slide.querySelectorAll(".jp-RenderedSVG img, .kmodlab svg[viewBox]")];
    const naturalWidth = picture => picture.naturalWidth ?? picture.viewBox.baseVal.width;
    const setPictures = (slide, scale) => {
        for (const picture of pictures(slide)) picture.style.width = `${naturalWidth(picture) * scale}px`;
    };

    // Put code with more than `least` lines to the left of its output.
    const putBeside = (slide, least) => {
        const inputs = [...slide.querySelectorAll(".jp-CodeCell:not(.jp-mod-noOutputs) > .jp-Cell-inputWrapper")];
        for (const input of inputs) {
            input.classList.toggle("beside-output", input.innerText.trimEnd().split("\n").length > least);
        }
        slide.classList.toggle("beside", inputs.some(input => input.classList.contains("beside-output")));
    };

    const arrange = (slide, size, least) => {
        slide.style.setProperty("--size", size);
        setPictures(slide, PICTURE_SCALE * size);
        putBeside(slide, least);
    };

    const excess = slide => slide.offsetHeight - HEIGHT;
    const tooWide = slide => [...slide.querySelectorAll("pre, table, div")]
        .some(box => box.scrollWidth > box.clientWidth + 1);
    const fits = slide => excess(slide) <= 0 && !tooWide(slide);
    // Beside wide code, a picture may be too small for its letters to be read.
    const isSqueezed = slide => pictures(slide)
        .some(picture => picture.getBoundingClientRect().width < naturalWidth(picture) * PICTURE_SCALE * SIZES.at(-1));

    // A small picture is better than one that has to be scrolled.
    const shrinkPictures = slide => {
        for (let scale = PICTURE_SCALE * SIZES.at(-1); scale > 1 && !fits(slide); scale -= .05) {
            setPictures(slide, scale);
        }
    };

    const fold = slide => {
        const unfolded = [...slide.querySelectorAll("details[open]")];
        for (const part of unfolded) part.open = false;
        return unfolded.length > 0;
    };

    const fit = slide => {
        for (const size of SIZES) {
            for (const least of ARRANGEMENTS) {
                arrange(slide, size, least);
                if (fits(slide) && !isSqueezed(slide)) return;
            }
        }
        if (fold(slide)) return fit(slide);
        arrange(slide, SIZES.at(-1), pictures(slide).length ? 0 : Infinity);
        shrinkPictures(slide);
        // A slide that is still too long is scrolled.
    };

    const fitAll = async () => {
        await Promise.all([...document.images].map(picture => picture.decode().catch(() => null)));
        document.documentElement.classList.add("fitting");
        slides.forEach(fit);
        document.documentElement.classList.remove("fitting");
    };

    // ---- keys ----
    const current = () => Reveal.getCurrentSlide();
    const scroll = part => current().scrollBy({top: part * HEIGHT});

    // Keys that unfold, or scroll the element with the focus, are for the browser.
    const isOurs = event => {
        const focused = document.activeElement;
        const unfolds = focused.tagName === "SUMMARY" && [" ", "Enter"].includes(event.key);
        const scrolls = slides.includes(focused) && ["ArrowUp", "ArrowDown"].includes(event.key);
        return !unfolds && !scrolls;
    };

    const turnLight = () => {
        const root = document.documentElement;
        root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    };

    const noteOverflow = () => {
        for (const slide of slides) {
            const long = slide.clientHeight > 0 && slide.scrollHeight > slide.clientHeight + 1;
            slide.toggleAttribute("data-long", long);
            if (long) slide.tabIndex = 0; else slide.removeAttribute("tabindex");
        }
    };

    // Tab and screen readers reach only the current slide; in the overview, all slides.
    const keepFocus = () => {
        for (const slide of slides) slide.inert = slide !== current() && !Reveal.isOverview();
    };

    const start = async () => {
        await fitAll();
        await Reveal.initialize({
            width: WIDTH, height: HEIGHT, margin: 0, minScale: .1, maxScale: 4, center: false, transition: "none",
            hash: true, slideNumber: "c/t", plugins: [RevealNotes], keyboardCondition: isOurs,
        });
        Reveal.addKeyBinding({keyCode: 74, key: "J", description: "Scroll down in a long slide"}, () => scroll(.4));
        Reveal.addKeyBinding({keyCode: 75, key: "K", description: "Scroll up in a long slide"}, () => scroll(-.4));
        Reveal.addKeyBinding({keyCode: 84, key: "T", description: "Dark or light"}, turnLight);
        Reveal.on("slidechanged", noteOverflow);
        for (const change of ["slidechanged", "overviewshown", "overviewhidden"]) Reveal.on(change, keepFocus);
        document.addEventListener("toggle", noteOverflow, true);
        noteOverflow();
        keepFocus();
        document.documentElement.dataset.ready = "";
    };
    start();
})();
