// The part that writes MathML for listeners gives settings to MathJax's menu, which is not loaded; MathJax would warn of them.
window.MathJax.startup = {
    ready() {
        delete MathJax.config.options.menuOptions;
        MathJax.startup.defaultReady();
    },
};
