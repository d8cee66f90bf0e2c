// Names of two buttons of the theme, for those who listen to the page: what unfolds a list, and the search as it is written.
document.addEventListener("DOMContentLoaded", () => {
    for (const toggle of document.querySelectorAll(".bd-sidebar-primary summary")) {
        const link = toggle.closest("li").querySelector("a");
        toggle.setAttribute("aria-label", `${link.textContent.trim()}: the pages below`);
    }
    for (const button of document.querySelectorAll(".search-button-field")) {
        button.removeAttribute("aria-label");
    }
});
