#!/bin/sh
# Makes the two subsets of DejaVu Sans that figures as PNG are drawn with. Needs pyftsubset (fonttools 4.68) and a folder
# with the whole fonts, version 2.37: `sh subset.sh /usr/share/fonts/truetype/dejavu`.
#
# Latin and Greek; combining accents; superscripts, subscripts and fractions; arrows and mathematical operators; the shapes
# that tables and diagrams use. No hinting and no tables of layout, which the renderer does not read; the outline of
# `.notdef` stays: it is the box that stands for a character that is not here.
set -eu
signs="U+0020-007E,U+00A0-017F,U+0302-0304,U+0307,U+0308,U+030C,U+0391-03A9,U+03B1-03C9,U+03D1,U+03D5,U+03F5"
signs="$signs,U+02B2,U+02B3,U+02B7,U+02B8,U+02E1-02E3,U+1D2C-1D42,U+1D43-1D6A,U+1E21,U+1E8A-1E8D,U+1E91,U+1EF9"
signs="$signs,U+2010-2015,U+2016,U+2018-201F,U+2020-2022,U+2026,U+2032,U+2033,U+2070-209C,U+20AC"
signs="$signs,U+2102,U+2113,U+2115,U+2119,U+211A,U+211D,U+2122,U+2124,U+2130,U+2131,U+2150-215F"
signs="$signs,U+2190-2199,U+21A6,U+21BA,U+21BB,U+21D0-21D5,U+2200-222F,U+2234,U+2235,U+223C,U+2243,U+2245,U+2248"
signs="$signs,U+2260,U+2261,U+2264,U+2265,U+226A,U+226B,U+2282-2287,U+2295-2299,U+22A4,U+22A5,U+22C5,U+22EE-22F1"
signs="$signs,U+2308-230B,U+2500,U+25A0,U+25A1,U+25B2,U+25B3,U+25BC,U+25BD,U+25C6,U+25C7,U+25CB,U+25CF,U+2713,U+2717"
signs="$signs,U+27E8,U+27E9,U+2C7C,U+1D53C"
for font in DejaVuSans DejaVuSans-Bold; do
    pyftsubset "$1/$font.ttf" --unicodes="$signs" --output-file="$(dirname "$0")/$font.ttf" \
        --layout-features='' --no-hinting --desubroutinize --notdef-outline --no-glyph-names \
        --drop-tables+=GDEF,GPOS,GSUB,MATH,FFTM
done
