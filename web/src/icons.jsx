// Small drawings, so that no font need have them.

const SHAPES = {
  first: "M5 4v12M16 4L8 10l8 6z",
  back: "M14 4L6 10l8 6z",
  on: "M6 4l8 6-8 6z",
  last: "M15 4v12M4 4l8 6-8 6z",
};

export const Icon = ({ name }) => (
  <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
    <path d={SHAPES[name]} />
  </svg>
);

export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <circle cx="12" cy="18" r="9" class="mark-black" />
    <circle cx="22" cy="12" r="8.5" class="mark-white" />
  </svg>
);
