// How results of a search are ranked: Sphinx's own weights, and first the pages that have all words in their title.
var Scorer = {
    score: ([, title, , , score]) => {
        const words = (new URLSearchParams(location.search).get("q") || "").toLowerCase().split(/\s+/);
        return score + (words.every((word) => title.toLowerCase().includes(word)) ? 100 : 0);
    },
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: { 0: 15, 1: 5, 2: -5 },
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
};

// The excerpt below a result begins with the text of the page, not with its buttons.
document.addEventListener("DOMContentLoaded", () => {
    const whole = Search.htmlToText;
    Search.htmlToText = (html, anchor) => {
        const page = new DOMParser().parseFromString(html, "text/html");
        const article = page.querySelector("article.bd-article");
        return whole(article ? `<div role="main">${article.innerHTML}</div>` : html, anchor);
    };
});
