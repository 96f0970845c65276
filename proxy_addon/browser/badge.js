export const show = () => {};
