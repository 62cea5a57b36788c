import '../common/base.css';
import { Theme } from '../common/theme';

new Theme();
